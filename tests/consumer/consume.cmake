# Configures, builds and runs a project that uses weft: cmake -DWAY=... -P consume.cmake
#   WAY       add_subdirectory | find_package | find_package_static | pkg_config
#   SOURCE    weft's source directory         BINARY   weft's build directory
#   WORK      a directory of this test's own  COMPILER the C++ compiler
#   FLAGS, BUILD_TYPE, THREADS, GENERATOR, NINJA: with what weft was built   PYTHON
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

# weft as a subdirectory is compiled anew only where the commands differ from those that built it in
# BINARY: the test is of the commands, and without a compiler cache the library takes minutes.
set(options)
if(WAY STREQUAL "add_subdirectory" AND GENERATOR STREQUAL "Ninja")
  file(MAKE_DIRECTORY ${WORK})
  execute_process(COMMAND ${NINJA} -C ${BINARY} -t compdb OUTPUT_FILE ${WORK}/commands.json
                  COMMAND_ERROR_IS_FATAL ANY)
  set(launcher ${PYTHON} -IS ${CMAKE_CURRENT_LIST_DIR}/take_object.py ${WORK}/commands.json ${BINARY}
               ${WORK}/build/weft)
  set(ENV{CMAKE_CXX_COMPILER_LAUNCHER} "${launcher}")
  set(options -DCMAKE_BUILD_TYPE=${BUILD_TYPE} -DCMAKE_CXX_FLAGS=${FLAGS} -DWEFT_THREADS=${THREADS})
endif()
run(${CMAKE_COMMAND} -S ${project} -B ${WORK}/build -G Ninja --log-level=WARNING --no-warn-unused-cli
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_PREFIX_PATH=${prefix} ${options}
    -DWEFT_CONSUMER=${WAY} -DWEFT_SOURCE=${SOURCE})
run(${CMAKE_COMMAND} --build ${WORK}/build --target consumer -- --quiet)
run(${WORK}/build/consumer)
