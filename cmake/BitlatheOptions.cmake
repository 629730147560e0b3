# Flags every target of the project shares, and the tools that keep builds quick.
add_library(bitlathe_options INTERFACE)
add_library(Bitlathe::Options ALIAS bitlathe_options)
target_include_directories(bitlathe_options INTERFACE ${PROJECT_SOURCE_DIR})
# No -ffast-math: NaN checks and rounding guarantees rest on IEEE 754. -fno-math-errno and -fno-trapping-math keep both
# and let rint, floor and min/max become vector instructions.
# Designated initialisers leave the rest to its defaults on purpose.
target_compile_options(bitlathe_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor
                                                  -Wno-missing-field-initializers -fno-math-errno
                                                  -fno-trapping-math)
if(BITLATHE_WERROR)
  target_compile_options(bitlathe_options INTERFACE -Werror)
endif()
if(BITLATHE_ASAN)
  target_compile_options(bitlathe_options INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer)
  target_link_options(bitlathe_options INTERFACE -fsanitize=address,undefined)
endif()

if(BITLATHE_TSAN)
  target_compile_options(bitlathe_options INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(bitlathe_options INTERFACE -fsanitize=thread)
endif()

find_program(BITLATHE_CCACHE ccache)
if(BITLATHE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${BITLATHE_CCACHE})
endif()
find_program(BITLATHE_MOLD mold)
if(BITLATHE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
