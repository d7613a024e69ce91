"""Select and edit: Network + Edits → the edited network, an ordinary nn.Module that trains."""
