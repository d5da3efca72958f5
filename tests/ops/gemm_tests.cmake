set(gemm_tests linear_test.cpp matmul_test.cpp)

# Tiles in portable code, with vectors of a level's own.
add_library(weft_emulated_tiles OBJECT emulated_attention_avx512.cpp emulated_attention_baseline.cpp
                                       emulated_tiles.cpp)
weft_common_options(weft_emulated_tiles)
target_include_directories(weft_emulated_tiles PRIVATE ${PROJECT_SOURCE_DIR}
                                                       ${PROJECT_SOURCE_DIR}/include)
set_source_files_properties(emulated_attention_baseline.cpp emulated_tiles.cpp PROPERTIES
                            COMPILE_OPTIONS "-march=x86-64-v2;-O2;-fno-exceptions")
set_source_files_properties(emulated_attention_avx512.cpp PROPERTIES
                            COMPILE_OPTIONS "-march=skylake-avx512;-mprefer-vector-width=512;-O3;-fno-exceptions")

weft_add_tests(weft_product_tests PER_PRODUCT_ISA
  SOURCES bf16_attention_test.cpp bf16_product_test.cpp int8_tiles_test.cpp isa_test.cpp
          product_int8_test.cpp product_test.cpp $<TARGET_OBJECTS:weft_emulated_tiles>
  EMULATED "-tc=a native product equals*,int8 sums are exact integers*,a bf16 product applies*,*touches nothing beyond*,NaN*,*NaN or infinite weight*,bf16 attention is as close*,*lengths in bf16 attention,bf16 attention over many*")

# A weak symbol in a kernel object could be what another level's code is linked to.
add_test(NAME kernel_objects_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/kernel_objects_test.sh ${CMAKE_NM}
                 $<FILTER:$<TARGET_OBJECTS:weft_objects>,INCLUDE,kernels_>
                 $<TARGET_OBJECTS:weft_emulated_tiles>
         COMMAND_EXPAND_LISTS)
