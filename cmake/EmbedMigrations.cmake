# bitlathe_embed_migrations(OUTPUT file.cpp FILES 001_a.sql 002_b.sql ...)
# Writes the numbered SQL files into one C++ source, so that a program carries its schema with it. The files must be
# numbered 001, 002, ... without a gap.
function(bitlathe_embed_migrations)
  cmake_parse_arguments(arg "" "OUTPUT" "FILES" ${ARGN})
  set(entries "")
  set(expected 1)
  foreach(file IN LISTS arg_FILES)
    cmake_path(GET file STEM name)
    if(NOT name MATCHES "^0*([0-9]+)_" OR NOT CMAKE_MATCH_1 EQUAL expected)
      message(FATAL_ERROR "migration ${file}: expected number ${expected}")
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    file(READ "${file}" sql)
    string(APPEND entries "    {${expected}, \"${name}\", R\"sql(${sql})sql\"},\n")
    math(EXPR expected "${expected} + 1")
  endforeach()
  file(CONFIGURE OUTPUT "${arg_OUTPUT}" @ONLY CONTENT [[// Generated from resources/sql by cmake/EmbedMigrations.cmake.
#include "experiments/store/migrations.h"

namespace bitlathe::experiments {

const std::vector<Migration>& builtinMigrations() {
    static const std::vector<Migration> migrations{
@entries@    };
    return migrations;
}

}  // namespace bitlathe::experiments
]])
endfunction()
