package io.berth.command;

import io.berth.pool.Pools;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;

/** A command on the pools of the settings, as they are on disk. */
abstract class OnPools implements Callable<Integer> {
    @Mixin
    private final PoolOptions poolOptions;

    OnPools(Map<String, String> environment) {
        poolOptions = new PoolOptions(environment);
    }

    @Override
    public final Integer call() {
        try (Pools pools = poolOptions.open()) {
            return run(pools);
        }
    }

    /** Where a driver of these settings keeps what is to outlive it. */
    final Path stateDir() {
        return poolOptions.machine().stateDir();
    }

    /** Does its work and gives the {@link ExitCode}. */
    abstract int run(Pools pools);
}
