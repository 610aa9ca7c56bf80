# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# The static library as the tests link it: where it would call one of these functions, which allocate,
# write or wait, a function is called that says so and aborts. What it may import at all is for
# packaging/imports.sh to say.

set(hvemu_tested hvemu_static)
if(CMAKE_OBJCOPY AND NOT WIN32)
    set(forbidden malloc calloc realloc free aligned_alloc mmap munmap brk sbrk
        write writev fwrite printf fprintf puts syscall futex
        pthread_mutex_lock pthread_rwlock_rdlock pthread_rwlock_wrlock pthread_cond_wait sem_wait
        sched_yield nanosleep usleep abort __assert_fail)
    set(options)
    set(functions)
    foreach(name IN LISTS forbidden)
        list(APPEND options --redefine-sym ${name}=forbidden_${name})
        string(APPEND functions "FORBID(${name})\n")
    endforeach()
    file(CONFIGURE OUTPUT forbidden.c @ONLY CONTENT "\
#include <stdio.h>
#include <stdlib.h>
#define FORBID(name)                                   \\
    void forbidden_##name(void);                       \\
    void forbidden_##name(void)                        \\
    {                                                  \\
        fputs(\"the library called \" #name \"()\\n\", stderr); \\
        abort();                                       \\
    }
@functions@")
    add_library(forbidden STATIC "${CMAKE_CURRENT_BINARY_DIR}/forbidden.c")
    hvemu_target(forbidden)

    set(archive "${CMAKE_CURRENT_BINARY_DIR}/libhvemu_tested.a")
    add_custom_command(OUTPUT "${archive}" DEPENDS hvemu_static VERBATIM
        COMMAND ${CMAKE_OBJCOPY} ${options} $<TARGET_FILE:hvemu_static> "${archive}")
    add_custom_target(tested_archive DEPENDS "${archive}")
    add_library(hvemu_tested STATIC IMPORTED GLOBAL)
    set_target_properties(hvemu_tested PROPERTIES IMPORTED_LOCATION "${archive}")
    add_dependencies(hvemu_tested tested_archive)
    # hvemu_static for all but the archive itself, which has nothing to add to this one.
    target_link_libraries(hvemu_tested INTERFACE forbidden hvemu_static)
    set(hvemu_tested hvemu_tested)
endif()
