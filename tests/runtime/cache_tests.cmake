# The packed cache: its file, and models that come from it.
weft_add_tests(weft_cache_tests SOURCES
  packed_cache_test.cpp
  packed_file_test.cpp
  packed_layout_test.cpp
)
