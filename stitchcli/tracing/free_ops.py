"""Ops that multiply and accumulate nothing, or whose arithmetic the field does not count.

Making, moving, indexing, comparing, reducing, normalising, activating, pooling and resampling: what
torch's own tags (pointwise, reduction, view) do not already tell.
"""

from __future__ import annotations

FREE_OPS = frozenset(
    """
    __irshift__ _adaptive_avg_pool2d _adaptive_avg_pool3d _add_relu _aminmax _assert_async
    _assert_scalar _assert_tensor_metadata _batch_norm_no_update _batch_norm_with_update
    _batch_norm_with_update_functional _chunk_cat _coalesce _coalesced _copy_from
    _copy_from_and_resize _ctc_loss _cudnn_rnn_flatten_weight _embedding_bag
    _embedding_bag_forward_only _fake_quantize_per_tensor_affine_cachemask_tensor_qparams
    _fused_dropout _fused_rms_norm _fused_sdp_choice _grid_sampler_2d_cpu_fallback
    _index_put_impl _is_all_true _is_any_true _jagged_to_padded_dense_forward _lazy_clone
    _local_scalar_dense _log_softmax _logcumsumexp _masked_scale _masked_softmax
    _native_batch_norm_legit _native_batch_norm_legit_functional
    _native_batch_norm_legit_no_training _nested_from_padded
    _nested_from_padded_and_nested_example _nested_from_padded_tensor _nested_get_lengths
    _nested_get_max_seqlen _nested_get_min_seqlen _nested_get_offsets _nested_get_ragged_idx
    _nested_tensor_from_mask _nested_tensor_from_tensor_list _nested_tensor_size
    _nested_tensor_softmax_with_shape _nested_tensor_storage_offsets _nested_tensor_strides
    _pack_padded_sequence _padded_dense_to_jagged_forward _prelu_kernel _reshape_copy
    _resize_output _safe_softmax _softmax _sparse_bsc_tensor_unsafe _sparse_bsr_tensor_unsafe
    _sparse_compressed_tensor_unsafe _sparse_coo_tensor_unsafe _sparse_coo_tensor_with_dims
    _sparse_coo_tensor_with_dims_and_tensors _sparse_csc_tensor_unsafe _sparse_csr_tensor_unsafe
    _sparse_mask_projection _stack _thnn_fused_gru_cell _thnn_fused_lstm_cell _to_copy _to_dense
    _to_sparse _to_sparse_bsc _to_sparse_bsr _to_sparse_csc _to_sparse_csr _unique _unique2
    _unsafe_index _unsafe_index_put _unsafe_masked_index _unsafe_view _upsample_bicubic2d_aa
    _upsample_bilinear2d_aa _upsample_nearest_exact1d _upsample_nearest_exact2d
    _upsample_nearest_exact3d _validate_sparse_compressed_tensor_args
    _validate_sparse_coo_tensor_args _validate_sparse_csr_tensor_args _weight_norm_interface
    adaptive_max_pool2d adaptive_max_pool3d affine_grid_generator aminmax arange argsort
    as_strided_scatter avg_pool2d avg_pool3d batch_norm_elemt batch_norm_stats bernoulli
    binary_cross_entropy binary_cross_entropy_with_logits bincount block_diag bucketize cat
    cauchy channel_shuffle col2im complex constant_pad_nd copy copy_ cudnn_batch_norm
    cudnn_grid_sampler cummax cummin cumprod cumsum dequantize diag_embed diagonal_scatter dist
    embedding embedding_renorm empty empty_like empty_permuted empty_strided exponential eye
    fill flip floor_divide fractional_max_pool2d fractional_max_pool3d full full_like gather gcd
    geometric glu grid_sampler_2d grid_sampler_3d hardswish heaviside histc huber_loss im2col
    index index_add index_copy index_fill index_put index_reduce index_select is_same_size isin
    item kthvalue lcm lift lift_fresh lift_fresh_copy linalg_cross linspace log_normal
    log_sigmoid_forward logcumsumexp logspace masked_fill masked_scatter masked_select max
    max_pool2d_with_indices max_pool3d_with_indices max_unpool2d max_unpool3d median min
    miopen_batch_norm mode mse_loss multinomial nanmedian native_batch_norm native_dropout
    native_group_norm native_layer_norm native_norm new_empty new_empty_strided new_full
    new_ones new_zeros nll_loss2d_forward nll_loss_forward nonzero nonzero_static normal
    normal_functional one_hot ones ones_like pixel_shuffle pixel_unshuffle poisson polar put
    rand rand_like randint randint_like randn randn_like random randperm range reflection_pad1d
    reflection_pad2d reflection_pad3d renorm repeat repeat_interleave replication_pad1d
    replication_pad2d replication_pad3d resize resize_as roll rot90 rrelu_with_noise rsub
    scalar_tensor scatter scatter_add scatter_reduce searchsorted select_scatter set set_data
    slice_scatter smooth_l1_loss soft_margin_loss sort sparse_mask sparse_resize
    sparse_resize_and_clear split_with_sizes_copy stack take to_padded_tensor topk trace tril
    tril_indices triu triu_indices uniform unique_consecutive unique_dim unsafe_split
    unsafe_split_with_sizes upsample_bicubic2d upsample_bilinear2d upsample_linear1d
    upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_trilinear3d zero zeros
    zeros_like
    """.split()
)

#: The same of other libraries, by whole names.
FREE_ELSEWHERE = frozenset(
    """
    profiler::_record_function_enter profiler::_record_function_enter_new
    profiler::_record_function_exit torchvision::nms torchvision::ps_roi_align
    torchvision::ps_roi_pool torchvision::roi_align torchvision::roi_pool
    """.split()
)
