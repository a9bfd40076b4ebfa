// Functions that the host's compiler and the GPU's compile alike.
#pragma once

#ifdef __CUDACC__
#define RA_HOST_DEVICE __host__ __device__
#else
#define RA_HOST_DEVICE
#endif
