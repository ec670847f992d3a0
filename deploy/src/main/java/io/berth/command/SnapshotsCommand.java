package io.berth.command;

import io.berth.fault.Fault;
import io.berth.pool.Pools;
import io.berth.service.Snapshots;
import io.berth.service.Volumes;
import io.berth.terminal.Json;
import io.berth.terminal.Table;
import io.berth.terminal.Table.Column;
import io.berth.volume.ByteSize;
import io.berth.volume.Snapshot;
import io.berth.volume.SnapshotId;
import io.berth.volume.Source;
import io.berth.volume.Volume;
import java.io.PrintWriter;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Looks at the snapshots of pools, makes them and makes volumes of them; may run beside the driver. */
@Command(
        name = "snapshots",
        header = "List, show, create, restore and delete snapshots, whoever made them.",
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "Examples:",
            "  berth snapshots create fast.pvc-1 before-upgrade --pool fast=local:/srv/fast",
            "  berth snapshots restore fast.before-upgrade pvc-2 --config /etc/berth/berth.yaml",
        })
final class SnapshotsCommand {
    private final Map<String, String> environment;
    private final PrintWriter out;
    private final PrintWriter err;

    private SnapshotsCommand(Map<String, String> environment, PrintWriter out, PrintWriter err) {
        this.environment = environment;
        this.out = out;
        this.err = err;
    }

    /** The command with its subcommands. */
    static CommandLine of(Map<String, String> environment, PrintWriter out, PrintWriter err) {
        SnapshotsCommand snapshots = new SnapshotsCommand(environment, out, err);
        return new CommandLine(snapshots)
                .addSubcommand(snapshots.new ListSnapshots())
                .addSubcommand(snapshots.new ShowSnapshot())
                .addSubcommand(snapshots.new CreateSnapshot())
                .addSubcommand(snapshots.new RestoreSnapshot())
                .addSubcommand(snapshots.new DeleteSnapshots());
    }

    /** What each of them needs. */
    abstract class Subcommand extends OnPools {
        Subcommand() {
            super(environment);
        }

        @Override
        final int run(Pools pools) {
            return run(pools, new Snapshots(pools, Clock.systemUTC()));
        }

        abstract int run(Pools pools, Snapshots snapshots);
    }

    @Command(
            name = "list",
            header = "List snapshots, a page at a time.",
            footer = {"", "Example: berth snapshots list --source fast.pvc-1 --pool fast=local:/srv/fast"})
    final class ListSnapshots extends Subcommand {
        @Option(names = "--json", description = "Print a JSON document.")
        private boolean json;

        @Option(
                names = "--source",
                paramLabel = "VOLUME",
                defaultValue = "",
                description = "Only those of the volume with this id, which may be gone.")
        private String source = "";

        @Mixin
        private final PageOptions pageOptions = new PageOptions();

        @Override
        int run(Pools pools, Snapshots snapshots) {
            Snapshots.Page page = pageOptions.of(
                    (from, max) -> snapshots.list(Optional.of(source).filter(id -> !id.isEmpty()), from, max));
            if (json) {
                Map<String, Object> document = new LinkedHashMap<>();
                document.put(
                        "snapshots",
                        page.snapshots().stream().map(SnapshotsCommand::fields).toList());
                page.next().ifPresent(next -> document.put("next", next));
                Json.print(document, out);
                return ExitCode.OK;
            }
            Table table = new Table(
                    Column.text("SNAPSHOT"),
                    Column.text("SOURCE"),
                    Column.number("SIZE"),
                    Column.number("COUNTED"),
                    Column.text("CREATED"),
                    Column.text("STATE"));
            for (Snapshot snapshot : page.snapshots()) {
                table.add(
                        snapshot.id().toString(),
                        snapshot.source().toString(),
                        size(snapshot.capacityBytes()),
                        snapshot.ready() ? ByteSize.format(snapshot.usedBytes()) : "-",
                        snapshot.created().truncatedTo(ChronoUnit.SECONDS).toString(),
                        snapshot.ready()
                                ? "ready"
                                : snapshots.progress(snapshot).orElse("begun"));
            }
            table.print(out, Table.terminalWidth());
            page.next().ifPresent(next -> err.println("There are more: --from " + next));
            return ExitCode.OK;
        }
    }

    @Command(
            name = "show",
            header = "Show all that is known of a snapshot, and how far one is that is being made.",
            footer = {"", "Example: berth snapshots show fast.before-upgrade"})
    final class ShowSnapshot extends Subcommand {
        @Option(names = "--json", description = "Print a JSON document.")
        private boolean json;

        @Parameters(paramLabel = "SNAPSHOT", description = "Its id, such as fast.before-upgrade.")
        private String id = "";

        @Override
        int run(Pools pools, Snapshots snapshots) {
            Snapshot snapshot = snapshots.get(id);
            Map<String, Object> fields = fields(snapshot);
            if (!snapshot.ready()) {
                snapshots.progress(snapshot).ifPresent(progress -> fields.put("progress", progress));
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
            name = "create",
            header = "Make a snapshot of a volume, in use or not.",
            description = {"", "Says once a second how far it is. Ended by a signal, it undoes what it made."},
            footer = {"", "Example: berth snapshots create fast.pvc-1 before-upgrade"})
    final class CreateSnapshot extends Subcommand {
        @Parameters(index = "0", paramLabel = "VOLUME", description = "The id of the volume.")
        private String source = "";

        @Parameters(
                index = "1",
                paramLabel = "NAME",
                description = "The snapshot's id is this after the pool's name and a dot.")
        private String name = "";

        @Override
        int run(Pools pools, Snapshots snapshots) {
            try (ShownCopies shown = new ShownCopies(pools.copies(), err)) {
                Snapshot made = snapshots.create(new Snapshots.Wanted(name, source, Map.of()), ShownCopies.PATIENCE);
                out.println("created " + made.id() + " of " + made.source());
            }
            return ExitCode.OK;
        }
    }

    @Command(
            name = "restore",
            header = "Make a volume of a snapshot, which stays.",
            description = {"", "Says once a second how far it is. Ended by a signal, it undoes what it made."},
            footer = {"", "Example: berth snapshots restore fast.before-upgrade pvc-2 --size 20Gi"})
    final class RestoreSnapshot extends Subcommand {
        @Mixin
        private final CopyOptions options = new CopyOptions();

        @Parameters(index = "0", paramLabel = "SNAPSHOT", description = "The id of the snapshot.")
        private String id = "";

        @Parameters(
                index = "1",
                paramLabel = "NAME",
                description = "The volume's id is this after the pool's name and a dot.")
        private String name = "";

        @Override
        int run(Pools pools, Snapshots snapshots) {
            Snapshot snapshot = snapshots.get(id);
            Volumes volumes = new Volumes(pools, Clock.systemUTC());
            try (ShownCopies shown = new ShownCopies(pools.copies(), err)) {
                Volume made = volumes.create(
                        options.wanted(
                                name,
                                new Source.OfSnapshot(snapshot.id()),
                                snapshot.format(),
                                snapshot.capacityBytes()),
                        ShownCopies.PATIENCE);
                out.println("restored " + snapshot.id() + " as " + made.id() + " at " + volumes.location(made));
            }
            return ExitCode.OK;
        }
    }

    @Command(
            name = "delete",
            header = "Delete snapshots. Volumes that were made of them stay.",
            footer = {"", "Example: berth snapshots delete fast.before-upgrade"})
    final class DeleteSnapshots extends Subcommand {
        @Parameters(paramLabel = "SNAPSHOT", arity = "1..*", description = "Their ids. One that is gone is no error.")
        private List<String> ids = List.of();

        @Override
        int run(Pools pools, Snapshots snapshots) {
            ids.forEach(id -> requireId(id, pools));
            for (String id : ids) {
                snapshots.delete(id);
                out.println("deleted " + id);
            }
            return ExitCode.OK;
        }

        private static void requireId(String id, Pools pools) {
            SnapshotId parsed = SnapshotId.parse(id)
                    .orElseThrow(() -> Fault.invalid(
                            "SNAPSHOT", id, "no snapshot has such an id; 'berth snapshots list' shows theirs"));
            pools.get(parsed.pool());
        }
    }

    private static String size(long bytes) {
        return bytes == 0 ? "-" : ByteSize.format(bytes);
    }

    private static Map<String, Object> fields(Snapshot snapshot) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", snapshot.id().toString());
        fields.put("name", snapshot.requestedName());
        fields.put("source", snapshot.source().toString());
        fields.put("format", snapshot.format().name().toString());
        fields.put("capacityBytes", snapshot.capacityBytes());
        fields.put("countedBytes", snapshot.usedBytes());
        fields.put("created", snapshot.created().toString());
        fields.put("ready", snapshot.ready());
        fields.put("parameters", snapshot.parameters());
        return fields;
    }
}
