weft_add_bench(weft_gemm_bench gemm_bench.cpp)
