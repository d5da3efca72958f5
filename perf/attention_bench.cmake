weft_add_bench(weft_attention_bench attention_bench.cpp peak.cpp)
