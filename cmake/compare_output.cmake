# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# cmake -D PROGRAM=file -D EXPECTED=file [-D EMULATOR=command] -P compare_output.cmake: runs the
# program, whose output must be the stored text, byte for byte.

execute_process(COMMAND ${EMULATOR} "${PROGRAM}" OUTPUT_VARIABLE got RESULT_VARIABLE status)
if(NOT status STREQUAL "0")
    message("${got}")
    message(FATAL_ERROR "${PROGRAM}: ${status}")
endif()
file(READ "${EXPECTED}" wanted)
if(NOT got STREQUAL wanted)
    message("---- printed:\n${got}---- stored in ${EXPECTED}:\n${wanted}----")
    message(FATAL_ERROR "${PROGRAM} prints something else than ${EXPECTED} holds")
endif()
