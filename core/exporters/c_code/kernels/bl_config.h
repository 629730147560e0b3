/* Everything: how the kernels themselves are tested. An exported network has a bl_config.h of its own. */
#ifndef BL_CONFIG_H
#define BL_CONFIG_H
#define BL_HAS_A8 1
#define BL_HAS_A4 1
#define BL_HAS_A2 1
#define BL_HAS_A_OTHER 1
#define BL_HAS_W8 1
#define BL_HAS_W4 1
#define BL_HAS_W2 1
#define BL_HAS_W_OTHER 1
#define BL_HAS_WIDE 1
#define BL_HAS_THRESHOLDS 1
#define BL_HAS_ACCUMULATORS 1
#define BL_HAS_CONV 1
#define BL_HAS_LEFT_COLUMNS 1
#define BL_HAS_SINGLES 1
#define BL_HAS_CONV_ANY 1
#define BL_HAS_DEPTHWISE3 1
#define BL_HAS_DW8 1
#define BL_HAS_DW_NARROW 1
#define BL_HAS_STRIDE1 1
#define BL_HAS_STRIDE2 1
#define BL_HAS_CMSIS_NN 0
#define BL_HAS_CMSIS_NN8 0
#define BL_HAS_CMSIS_NN4 0
#define BL_HAS_ADD 1
#define BL_HAS_MUL 1
#define BL_HAS_MAX_POOL 1
#define BL_HAS_AVERAGE_POOL 1
#define BL_HAS_RESCALE 1
#define BL_HAS_LOOKUP 1
#define BL_HAS_FLATTEN 1
#endif
