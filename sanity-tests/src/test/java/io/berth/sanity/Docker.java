package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;

/** A Docker whose programs tests run. */
enum Docker {
    /** Debian's docker.io, installed. */
    INSTALLED,

    /** A newer one, that {@code sanity-tests/run} unpacks. */
    NEWER;

    /** Where one of its programs lies. */
    Path program(String path) {
        return root().resolve(path);
    }

    /** Where its programs find each other, and then those of this machine. */
    String path() {
        return program("usr/sbin") + ":" + program("usr/bin") + ":" + System.getenv("PATH");
    }

    private Path root() {
        if (this == INSTALLED) {
            return Path.of("/");
        }
        String folder = System.getenv("NEWER_DOCKER");
        assertThat(folder)
                .as("NEWER_DOCKER, the folder of a Docker that sanity-tests/src/test/docker/unpack has made")
                .isNotNull();
        return Path.of(folder);
    }
}
