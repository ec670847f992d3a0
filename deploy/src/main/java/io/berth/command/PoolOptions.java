package io.berth.command;

import io.berth.pool.PoolConfig;
import io.berth.pool.Pools;
import io.berth.settings.Settings;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;

/** Which pools a command works on: those of the settings, as for {@code berth serve}. */
final class PoolOptions {
    @Option(
            names = "--pool",
            paramLabel = "NAME=KIND:PATH",
            description =
                    "A pool, as for 'berth serve'. May be given many times. Else BERTH_POOL, else the file counts.")
    private List<String> pools = new ArrayList<>();

    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "The YAML file of 'berth serve'. Else BERTH_CONFIG counts.")
    private List<String> config = new ArrayList<>();

    private final Map<String, String> environment;

    PoolOptions(Map<String, String> environment) {
        this.environment = environment;
    }

    List<PoolConfig> configs() {
        return Settings.readPools(flags(), environment);
    }

    /** What the settings say of this machine. */
    Settings.Machine machine() {
        return Settings.readMachine(flags(), environment);
    }

    private Map<String, List<String>> flags() {
        Map<String, List<String>> flags = new HashMap<>();
        if (!pools.isEmpty()) {
            flags.put("pool", pools);
        }
        if (!config.isEmpty()) {
            flags.put("config", config);
        }
        return flags;
    }

    /** The pools as they are on disk; a running driver may be serving them. */
    Pools open() {
        return Pools.beside(configs());
    }
}
