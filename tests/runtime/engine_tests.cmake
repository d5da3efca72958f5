# Graph, plan and execution.
weft_add_tests(weft_engine_tests PER_ISA SOURCES
  allocation_counter.cpp
  attention_family_test.cpp
  decoding_test.cpp
  graph_test.cpp
  plan_test.cpp
  random_graph_test.cpp
  session_test.cpp
)

weft_add_tests(weft_same_bits_tests PER_PRODUCT_ISA SOURCES same_bits_test.cpp)

# Searches over next tokens.
weft_add_tests(weft_generation_tests PER_ISA SOURCES
  generation_config_test.cpp
  generation_golden_test.cpp
  search_test.cpp
)
