"""``stitch check``: measuring models in processes of their own, and what they are held to."""
