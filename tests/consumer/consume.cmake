# Configures, builds and runs a project that uses weft: cmake -DWAY=... -P consume.cmake
#   WAY       add_subdirectory | find_package | find_package_static | pkg_config
#   SOURCE    weft's source directory         BINARY   weft's build directory
#   WORK      a directory of this test's own  COMPILER the C++ compiler
function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

set(project ${SOURCE}/tests/consumer/project)
set(prefix ${WORK}/prefix)
file(REMOVE_RECURSE ${WORK})
if(NOT WAY STREQUAL "add_subdirectory")
  # Installed to one place and moved to another: nothing may depend on where it was.
  execute_process(COMMAND ${CMAKE_COMMAND} --install ${BINARY} --prefix ${WORK}/first
                  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  file(RENAME ${WORK}/first ${prefix})
endif()

if(WAY STREQUAL "pkg_config")
  file(GLOB pc_directory ${prefix}/lib*/pkgconfig ${prefix}/lib/*/pkgconfig)
  set(ENV{PKG_CONFIG_PATH} ${pc_directory})
  execute_process(COMMAND pkg-config --cflags --libs weft OUTPUT_VARIABLE flags
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND pkg-config --variable=libdir weft OUTPUT_VARIABLE libdir
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  run(${COMPILER} -std=c++20 ${project}/main.cpp -o ${WORK}/consumer ${flags} -Wl,-rpath,${libdir})
  run(${WORK}/consumer)
  return()
endif()

# No build type: neither optimisation nor debug information, which would take twice as long.
run(${CMAKE_COMMAND} -S ${project} -B ${WORK}/build -G Ninja --log-level=WARNING --no-warn-unused-cli
    -DCMAKE_PROJECT_weft_INCLUDE=${CMAKE_CURRENT_LIST_DIR}/precompile.cmake
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_PREFIX_PATH=${prefix}
    -DWEFT_CONSUMER=${WAY} -DWEFT_SOURCE=${SOURCE})
run(${CMAKE_COMMAND} --build ${WORK}/build --target consumer -- --quiet)
run(${WORK}/build/consumer)
