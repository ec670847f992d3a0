package io.berth.command;

import io.berth.catalog.ArchiveName;
import io.berth.docker.DockerMounts;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.pool.Archives;
import io.berth.pool.Pool;
import io.berth.pool.PoolCheck;
import io.berth.pool.PoolConfig;
import io.berth.pool.Pools;
import io.berth.pool.Trash;
import io.berth.service.Volumes;
import io.berth.terminal.Json;
import io.berth.terminal.Table;
import io.berth.terminal.Table.Column;
import io.berth.volume.ByteSize;
import io.berth.volume.NodeId;
import io.berth.volume.Volume;
import java.io.PrintWriter;
import java.time.Clock;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Looks at the volumes of pools and repairs them; may run beside the driver. */
@Command(
        name = "volumes",
        header = "List, show, clone, expand, check, delete, restore and adopt volumes, whoever made them.",
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "Examples:",
            "  berth volumes list --pool fast=local:/srv/fast",
            "  berth volumes check --repair --config /etc/berth/berth.yaml",
        })
final class VolumesCommand {
    private final Map<String, String> environment;
    private final PrintWriter out;
    private final PrintWriter err;

    private VolumesCommand(Map<String, String> environment, PrintWriter out, PrintWriter err) {
        this.environment = environment;
        this.out = out;
        this.err = err;
    }

    /** The command with its subcommands. */
    static CommandLine of(Map<String, String> environment, PrintWriter out, PrintWriter err) {
        VolumesCommand volumes = new VolumesCommand(environment, out, err);
        return new CommandLine(volumes)
                .addSubcommand(volumes.new ListVolumes())
                .addSubcommand(volumes.new ShowVolume())
                .addSubcommand(volumes.new CheckVolumes())
                .addSubcommand(volumes.new DeleteVolumes())
                .addSubcommand(volumes.new RestoreVolume())
                .addSubcommand(new AdoptFolder(environment, out))
                .addSubcommand(new CloneVolume(environment, out, err))
                .addSubcommand(new ExpandVolume(environment, out))
                .addSubcommand(new DiskUsageOfVolumes(environment, out, err))
                .addSubcommand(volumes.new ReapTrash());
    }

    /** What each of them needs. */
    abstract class Subcommand extends OnPools {
        Subcommand() {
            super(environment);
        }

        @Override
        final int run(Pools pools) {
            return run(pools, new Volumes(pools, Clock.systemUTC(), true));
        }

        abstract int run(Pools pools, Volumes volumes);
    }

    @Command(
            name = "list",
            header = "List volumes, a page at a time.",
            footer = {"", "Example: berth volumes list --json --max 100 --pool fast=local:/srv/fast"})
    final class ListVolumes extends Subcommand {
        @Option(names = "--json", description = "Print a JSON document.")
        private boolean json;

        @Mixin
        private final PageOptions pageOptions = new PageOptions();

        @Option(names = "--archived", description = "List deleted volumes whose data was kept instead.")
        private boolean archived;

        @Override
        int run(Pools pools, Volumes volumes) {
            if (archived) {
                archives(pools);
                return ExitCode.OK;
            }
            Volumes.Page page = pageOptions.of(volumes::list);
            if (json) {
                Map<String, Object> document = new LinkedHashMap<>();
                document.put(
                        "volumes",
                        page.volumes().stream()
                                .map(volume -> fields(volume, volumes))
                                .toList());
                page.next().ifPresent(next -> document.put("next", next));
                Json.print(document, out);
                return ExitCode.OK;
            }
            Table table = new Table(
                    Column.text("VOLUME"),
                    Column.number("SIZE"),
                    Column.text("ON DELETE"),
                    Column.text("CREATED"),
                    Column.text("PATH"));
            for (Volume volume : page.volumes()) {
                table.add(
                        volume.id().toString(),
                        size(volume),
                        volume.ephemeral() ? "with its pod" : volume.onDelete().toString(),
                        volume.created().truncatedTo(ChronoUnit.SECONDS).toString(),
                        volumes.location(volume).toString());
            }
            table.print(out, Table.terminalWidth());
            page.next().ifPresent(next -> err.println("There are more: --from " + next));
            return ExitCode.OK;
        }

        private void archives(Pools pools) {
            List<Map<String, Object>> rows = new ArrayList<>();
            for (PoolConfig config : pools.configs()) {
                Pool pool = pools.get(config.name());
                pool.volumes().catalog().forEachArchived(name -> rows.add(archive(pool, name)));
            }
            if (json) {
                Json.print(Map.of("archives", rows), out);
                return;
            }
            Table table = new Table(Column.text("ARCHIVE"), Column.text("PATH"));
            rows.forEach(row -> table.add(String.valueOf(row.get("archive")), String.valueOf(row.get("path"))));
            table.print(out, Table.terminalWidth());
        }

        private static Map<String, Object> archive(Pool pool, ArchiveName name) {
            String path = pool.volumes()
                    .catalog()
                    .archived(name)
                    .map(volume -> pool.config()
                            .root()
                            .resolve(Archives.keptAt(volume).toPath())
                            .toString())
                    .orElse("");
            return Map.of("archive", name.toString(), "path", path);
        }
    }

    @Command(
            name = "show",
            header = "Show all that is known of a volume.",
            footer = {"", "Example: berth volumes show fast.pvc-1"})
    final class ShowVolume extends Subcommand {
        private static final int MOST_MOUNT_IDS = 20;

        @Option(names = "--json", description = "Print a JSON document.")
        private boolean json;

        @Parameters(paramLabel = "VOLUME", description = "Its id, such as fast.pvc-1.")
        private String id = "";

        @Override
        int run(Pools pools, Volumes volumes) {
            Volume volume = volumes.get(id);
            Map<String, Object> fields = fields(volume, volumes);
            fields.put(
                    "mountedAt",
                    volumes.mountedAt(volume).stream().map(Object::toString).toList());
            List<String> mountIds = DockerMounts.of(stateDir(), volume, MOST_MOUNT_IDS);
            if (!mountIds.isEmpty()) {
                fields.put("dockerMountIds", mountIds);
            }
            Pool pool = pools.get(volume.id().pool());
            try (Directory data = pool.folder()
                    .openData(volume)
                    .orElseThrow(() -> new Fault(
                            Fault.Kind.NOT_FOUND,
                            "volume " + id + " has a record, but its folder " + volumes.location(volume)
                                    + " is gone; see berth volumes check"))) {
                fields.put("availableBytes", data.fileSystem().availableBytes());
            }
            if (json) {
                Json.print(fields, out);
            } else {
                fields.forEach((name, value) -> out.printf("%-15s %s%n", name, value));
            }
            return ExitCode.OK;
        }
    }

    @Command(
            name = "check",
            header = "Compare the records with what lies on the disk.",
            description = {
                "",
                "Reads every record. Repairs what a crash can leave; never removes data.",
                "Ends with exit code 1 when something is left that does not fit."
            },
            footer = {"", "Example: berth volumes check --repair --pool fast=local:/srv/fast"})
    final class CheckVolumes extends Subcommand {
        @Option(names = "--repair", description = "Repair what can be repaired.")
        private boolean repair;

        @Option(names = "--json", description = "Print a JSON document.")
        private boolean json;

        @Override
        int run(Pools pools, Volumes volumes) {
            if (json) {
                try (Json.Items items = new Json.Items("findings", out)) {
                    return check(pools, items::add);
                }
            }
            return check(
                    pools,
                    finding -> out.println(
                            finding.subject() + ": " + finding.problem() + " (" + wording(finding.state()) + ")"));
        }

        private int check(Pools pools, Consumer<PoolCheck.Finding> show) {
            Map<PoolCheck.Finding.State, Long> counts = new EnumMap<>(PoolCheck.Finding.State.class);
            for (PoolConfig config : pools.configs()) {
                PoolCheck.run(pools.get(config.name()), repair, finding -> {
                    counts.merge(finding.state(), 1L, Long::sum);
                    show.accept(finding);
                });
            }
            long found = counts.values().stream().mapToLong(Long::longValue).sum();
            long repaired = counts.getOrDefault(PoolCheck.Finding.State.REPAIRED, 0L);
            if (!json) {
                out.println(found + " found, " + repaired + " repaired");
            }
            return found == repaired ? ExitCode.OK : ExitCode.FAILED;
        }

        private static String wording(PoolCheck.Finding.State state) {
            return switch (state) {
                case REPAIRED -> "repaired";
                case REPAIRABLE -> "--repair mends it";
                case FOR_THE_ADMINISTRATOR -> "for you to decide";
            };
        }
    }

    @Command(
            name = "delete",
            header = "Delete volumes, as their onDelete says: to the trash, to an archive, or from the records only.",
            footer = {"", "Example: berth volumes delete fast.pvc-1"})
    final class DeleteVolumes extends Subcommand {
        @Parameters(paramLabel = "VOLUME", arity = "1..*", description = "Their ids. One that is gone is no error.")
        private List<String> ids = List.of();

        @Override
        int run(Pools pools, Volumes volumes) {
            ids.forEach(volumes::requireId);
            for (String id : ids) {
                volumes.delete(id);
                out.println("deleted " + id);
            }
            return ExitCode.OK;
        }
    }

    @Command(
            name = "restore",
            header = "Make a deleted volume whose data was kept a volume again.",
            footer = {"", "Example: berth volumes restore fast.pvc-1@20260102T030405.000000000Z"})
    final class RestoreVolume extends Subcommand {
        @Parameters(paramLabel = "ARCHIVE", description = "Its name, as 'berth volumes list --archived' shows it.")
        private String archive = "";

        @Override
        int run(Pools pools, Volumes volumes) {
            Volume volume = volumes.restore(archive);
            out.println("restored " + volume.id() + " at " + volumes.location(volume));
            return ExitCode.OK;
        }
    }

    @Command(
            name = "reap",
            header = "Empty the trash now, as fast as the disk can.",
            description = {"", "The driver does it in the background, at a bounded rate."},
            footer = {"", "Example: berth volumes reap --pool fast=local:/srv/fast"})
    final class ReapTrash extends Subcommand {
        private static final int STEP = 1000;
        private static final Duration PROGRESS = Duration.ofSeconds(1);

        @Override
        int run(Pools pools, Volumes volumes) {
            int exitCode = ExitCode.OK;
            for (PoolConfig config : pools.configs()) {
                Trash trash = pools.get(config.name()).trash();
                long removed = 0;
                long reported = System.nanoTime();
                Trash.Reaped step;
                do {
                    step = trash.reap(STEP);
                    removed += step.removed();
                    if (System.nanoTime() - reported > PROGRESS.toNanos()) {
                        err.println("pool " + config.name() + ": " + removed + " files and folders removed so far");
                        reported = System.nanoTime();
                    }
                } while (step.more());
                out.println("pool " + config.name() + ": " + removed + " files and folders removed");
                Optional<String> stuck = step.firstStuck().map(Fault::getMessage);
                if (stuck.isPresent()) {
                    err.println("berth: " + step.stuck() + " cannot be removed, the first: " + stuck.get());
                    exitCode = ExitCode.FAILED;
                }
            }
            return exitCode;
        }
    }

    static String size(Volume volume) {
        return volume.capacityBytes() == 0 ? "-" : ByteSize.format(volume.capacityBytes());
    }

    private static Map<String, Object> fields(Volume volume, Volumes volumes) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", volume.id().toString());
        fields.put("name", volume.requestedName());
        fields.put("capacityBytes", volume.capacityBytes());
        fields.put("format", volume.format().name().toString());
        volume.source().ifPresent(source -> fields.put("source", source.toString()));
        fields.put("path", volumes.location(volume).toString());
        fields.put("created", volume.created().toString());
        fields.put("onDelete", volume.onDelete().toString());
        fields.put("uid", volume.ownership().uid());
        fields.put("gid", volume.ownership().gid());
        fields.put("mode", volume.ownership().modeText());
        fields.put("adopted", volume.adopted());
        fields.put("ephemeral", volume.ephemeral());
        fields.put("parameters", volume.parameters());
        fields.put(
                "publishedTo",
                volume.attachments().keySet().stream().map(NodeId::text).toList());
        return fields;
    }
}
