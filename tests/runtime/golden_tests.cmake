# Whole models against references that other programs computed.
weft_add_tests(weft_golden_tests PER_ISA SOURCES
  golden.cpp
  architecture_golden_test.cpp
  attention_guide_page_test.cpp
  attention_guide_test.cpp
  bahdanau_test.cpp
  disentangled_test.cpp
  head_golden_test.cpp
  multi_vector_golden_test.cpp
  positions_test.cpp
  sentence_golden_test.cpp
  task_golden_test.cpp
  visible_keys_test.cpp
)
# Skipped where scripts/fetch_model.sh has not brought the model.
weft_add_tests(weft_minilm_tests PER_ISA SOURCES
  golden.cpp
  minilm.cpp
  minilm_test.cpp
)
weft_add_tests(weft_precision_tests PER_PRODUCT_ISA SOURCES
  golden.cpp
  minilm.cpp
  precision_test.cpp
)
weft_add_tests(weft_emulated_attention_tests SOURCES
  bf16_attention_model_test.cpp
  emulated_attention_dispatch.cpp
  golden.cpp
  minilm.cpp
  same_bits_test.cpp
  $<TARGET_OBJECTS:weft_emulated_tiles>
)
weft_add_tests(weft_seq2seq_tests PER_ISA SOURCES
  allocation_counter.cpp
  golden.cpp
  seq2seq_config_test.cpp
  seq2seq_golden_test.cpp
)
