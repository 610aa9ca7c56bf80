# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# cmake -D PROGRAM=file -D MAP=file -D SOURCE=file -P compare.cmake: runs the program and compares
# the library's object files in its linker map with those that its source's `Links:` names.

execute_process(COMMAND "${PROGRAM}" RESULT_VARIABLE status)
if(NOT status STREQUAL "0")
    message(FATAL_ERROR "${PROGRAM}: ${status}")
endif()

file(READ "${SOURCE}" text)
string(REGEX REPLACE ".*Links: ([a-z0-9_ *\n]+)\\..*" "\\1" wanted "${text}")
string(REGEX MATCHALL "[a-z0-9_]+" wanted "${wanted}")

file(STRINGS "${MAP}" lines REGEX "libhvemu\\.a")
string(REGEX MATCHALL "libhvemu\\.a\\([a-z0-9_]+\\.c" got "${lines}")
list(TRANSFORM got REPLACE ".*\\(([a-z0-9_]+)\\.c" "\\1")
list(REMOVE_DUPLICATES got)

list(SORT wanted)
list(SORT got)
if(NOT got STREQUAL wanted)
    message(FATAL_ERROR "${SOURCE} should link\n  ${wanted}\nand links\n  ${got}")
endif()
