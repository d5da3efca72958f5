weft_add_bench(weft_load_bench load_bench.cpp)
