weft_add_bench(weft_row_bench row_bench.cpp)
