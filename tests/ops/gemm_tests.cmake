set(gemm_tests linear_test.cpp matmul_test.cpp)

weft_add_tests(weft_product_tests PER_PRODUCT_ISA
  SOURCES bf16_product_test.cpp emulated_tiles.cpp int8_tiles_test.cpp isa_test.cpp
          product_int8_test.cpp product_test.cpp
  EMULATED "-tc=a native product equals*,int8 sums are exact integers*,a bf16 product applies*,*touches nothing beyond*,*NaN*")
# The vectors of the driver's last step want at least SSE4.2, which its own kernels are built for.
set_source_files_properties(emulated_tiles.cpp PROPERTIES COMPILE_OPTIONS "-march=x86-64-v2;-O2")

# A weak symbol in a kernel object could be what another level's code is linked to.
add_test(NAME kernel_objects_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/kernel_objects_test.sh ${CMAKE_NM}
                 $<FILTER:$<TARGET_OBJECTS:weft_objects>,INCLUDE,kernels_>
         COMMAND_EXPAND_LISTS)
