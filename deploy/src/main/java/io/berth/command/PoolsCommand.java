package io.berth.command;

import io.berth.fault.Fault;
import io.berth.linux.FileSystemStatus;
import io.berth.pool.Pool;
import io.berth.pool.PoolConfig;
import io.berth.pool.Pools;
import io.berth.terminal.Json;
import io.berth.terminal.Table;
import io.berth.terminal.Table.Column;
import io.berth.volume.ByteSize;
import io.berth.volume.FormatName;
import io.berth.volume.PoolName;
import io.berth.volume.VolumeParameters;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows pools; may run beside the driver. */
@Command(
        name = "pools",
        header = "List and show pools.",
        synopsisSubcommandLabel = "COMMAND",
        footer = {"", "Example: berth pools list --pool fast=local:/srv/fast"})
final class PoolsCommand {
    private final Map<String, String> environment;
    private final PrintWriter out;

    private PoolsCommand(Map<String, String> environment, PrintWriter out) {
        this.environment = environment;
        this.out = out;
    }

    /** The command with its subcommands. */
    static CommandLine of(Map<String, String> environment, PrintWriter out) {
        PoolsCommand pools = new PoolsCommand(environment, out);
        return new CommandLine(pools).addSubcommand(pools.new ListPools()).addSubcommand(pools.new ShowPool());
    }

    @Command(
            name = "list",
            header = "List the pools of the settings and say which can be used.",
            footer = {"", "Ends with exit code 1 when one cannot."})
    final class ListPools implements Callable<Integer> {
        @Mixin
        private final PoolOptions poolOptions = new PoolOptions(environment);

        @Option(names = "--json", description = "Print a JSON document.")
        private boolean json;

        @Override
        public Integer call() {
            try (Pools pools = poolOptions.open()) {
                List<Map<String, Object>> rows = pools.configs().stream()
                        .map(config -> row(pools, config))
                        .toList();
                if (json) {
                    Json.print(Map.of("pools", rows), out);
                } else {
                    print(rows);
                }
                return rows.stream().anyMatch(row -> row.containsKey("problem")) ? ExitCode.FAILED : ExitCode.OK;
            }
        }

        private Map<String, Object> row(Pools pools, PoolConfig config) {
            try {
                return fields(pools.get(config.name()));
            } catch (Fault e) {
                Map<String, Object> row = identity(config);
                row.put("problem", e.getMessage());
                return row;
            }
        }

        private void print(List<Map<String, Object>> rows) {
            Table table = new Table(
                    Column.text("POOL"),
                    Column.text("KIND"),
                    Column.number("SIZE"),
                    Column.number("PROMISED"),
                    Column.number("AVAILABLE"),
                    Column.text("PATH"),
                    Column.text("STATE"));
            for (Map<String, Object> row : rows) {
                table.add(
                        String.valueOf(row.get("name")),
                        String.valueOf(row.get("kind")),
                        size(row.get("sizeBytes")),
                        size(row.get("promisedBytes")),
                        size(row.get("availableBytes")),
                        String.valueOf(row.get("path")),
                        String.valueOf(row.getOrDefault("problem", "ok")));
            }
            table.print(out, Table.terminalWidth());
        }

        private static String size(@Nullable Object bytes) {
            return bytes instanceof Long number ? ByteSize.format(number) : "-";
        }
    }

    @Command(name = "show", header = "Show all that is known of a pool.")
    final class ShowPool implements Callable<Integer> {
        @Mixin
        private final PoolOptions poolOptions = new PoolOptions(environment);

        @Option(names = "--json", description = "Print a JSON document.")
        private boolean json;

        @Parameters(paramLabel = "POOL", description = "Its name.")
        private String name = "";

        @Override
        public Integer call() {
            try (Pools pools = poolOptions.open()) {
                Pool pool = pools.get(new PoolName(name));
                Map<String, Object> fields = fields(pool);
                fields.put("uuid", pool.identity().uuid().toString());
                fields.put("format", formatOfNew(pool));
                fields.put("limit", pool.config().limitOfSized().toString());
                fields.put(
                        "limitedBy",
                        pool.formats()
                                .limitProblem()
                                .or(pool.formats()::limitLapse)
                                .orElseGet(pool.formats()::limitedBy));
                for (FormatName format : FormatName.values()) {
                    pool.rungs().last(format).ifPresent(rung -> fields.put(format + "CopiesBy", rung.toString()));
                }
                fields.put("inTrash", pool.trash().count());
                FileSystemStatus fileSystem = pool.fileSystem();
                if (fileSystem.totalInodes() > 0) { // else there is no such limit
                    fields.put("freeInodes", fileSystem.freeInodes());
                }
                if (json) {
                    Json.print(fields, out);
                } else {
                    fields.forEach((field, value) -> out.printf("%-15s %s%n", field, value));
                }
                return ExitCode.OK;
            }
        }
    }

    /** The format of a volume that has a size and names neither format nor limit. */
    private static String formatOfNew(Pool pool) {
        VolumeParameters none = VolumeParameters.parse(Map.of());
        return pool.formats()
                .choose(none, true, pool.config().limitOfSized())
                .name()
                .toString();
    }

    private static Map<String, Object> identity(PoolConfig config) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("name", config.name().text());
        fields.put("kind", config.kind().toString());
        fields.put("path", config.place());
        return fields;
    }

    private static Map<String, Object> fields(Pool pool) {
        Map<String, Object> fields = identity(pool.config());
        fields.put("sizeBytes", pool.sizeBytes());
        fields.put("promisedBytes", pool.promisedBytes());
        fields.put("availableBytes", pool.availableBytes());
        fields.put("overcommit", pool.config().overcommit());
        pool.problem().ifPresent(problem -> fields.put("problem", problem.getMessage()));
        return fields;
    }
}
