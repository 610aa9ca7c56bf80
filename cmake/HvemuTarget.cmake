# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# What every target of this project is compiled with, and no target of anybody else's.

function(hvemu_target target)
    set_target_properties(${target} PROPERTIES COMPILE_WARNING_AS_ERROR ${HVEMU_WERROR})
    if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
        target_compile_options(${target} PRIVATE
            -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla)
    endif()
    if(HVEMU_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=${HVEMU_SANITIZE}
            -fno-sanitize-recover=all -fno-omit-frame-pointer)
        target_link_options(${target} PUBLIC $<BUILD_INTERFACE:-fsanitize=${HVEMU_SANITIZE}>)
    endif()
    if(HVEMU_COVERAGE) # atomic: else threads' counts come out below zero
        target_compile_options(${target} PRIVATE --coverage -fprofile-update=atomic)
        target_link_options(${target} PUBLIC $<BUILD_INTERFACE:--coverage>)
    endif()
endfunction()

# A program of ours: C11 with the system's functions (POSIX, and libbsd where the system lacks it).
function(hvemu_program target)
    hvemu_target(${target})
    set_target_properties(${target} PROPERTIES
        C_STANDARD 11
        C_STANDARD_REQUIRED ON
        C_EXTENSIONS ON)
    target_compile_options(${target} PRIVATE ${hvemu_libbsd_flags})
    target_link_libraries(${target} PRIVATE ${HVEMU_LIBBSD_LDFLAGS})
endfunction()

# A test that runs a program of ours and compares what it prints with a stored text.
function(hvemu_output_test name target text)
    add_test(NAME ${name}
        COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:${target}> -D EXPECTED=${text}
            -D "EMULATOR=${CMAKE_CROSSCOMPILING_EMULATOR}"
            -P ${PROJECT_SOURCE_DIR}/cmake/compare_output.cmake)
    set_tests_properties(${name} PROPERTIES LABELS examples TIMEOUT 60)
endfunction()
