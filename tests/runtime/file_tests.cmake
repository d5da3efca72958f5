# Readers and writers: what comes from files.
weft_add_tests(weft_runtime_tests SOURCES
  config_test.cpp
  encoder_test.cpp
  files_test.cpp
  head_config_test.cpp
  hostile_config_test.cpp
  json_test.cpp
  safetensors_test.cpp
  sentence_modules_test.cpp
  weights_test.cpp
)
