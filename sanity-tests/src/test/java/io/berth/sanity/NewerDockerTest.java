package io.berth.sanity;

/** The same on a newer Docker. */
class NewerDockerTest extends DockerTest {
    @Override
    Docker docker() {
        return Docker.NEWER;
    }
}
