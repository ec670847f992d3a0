package io.berth.command;

import io.berth.fault.Fault;
import io.berth.pool.Pools;
import io.berth.service.DiskUsage;
import io.berth.service.Volumes;
import io.berth.terminal.Json;
import io.berth.terminal.Table;
import io.berth.terminal.Table.Column;
import io.berth.volume.ByteSize;
import io.berth.volume.Volume;
import java.io.PrintWriter;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Says how much of their pools volumes take. */
@Command(
        name = "du",
        header = "Say how much of their pools volumes take.",
        description = {
            "",
            "Asks the quota, the quota group or the image, at once; of a directory without a limit they know nothing.",
            "Blocks that are shared with a snapshot or a clone count for each."
        },
        footer = {"", "Example: berth volumes du --walk fast.pvc-1"})
final class DiskUsageOfVolumes extends OnPools {
    @Option(names = "--walk", description = "Add up the files where nothing else knows, which takes its time.")
    private boolean walk;

    @Option(names = "--json", description = "Print a JSON document.")
    private boolean json;

    @Parameters(paramLabel = "VOLUME", arity = "0..*", description = "Their ids; without any, all volumes.")
    private List<String> ids = List.of();

    private final PrintWriter out;
    private final PrintWriter err;

    DiskUsageOfVolumes(Map<String, String> environment, PrintWriter out, PrintWriter err) {
        super(environment);
        this.out = out;
        this.err = err;
    }

    private record Row(Volume volume, Optional<DiskUsage.Used> used) {}

    @Override
    int run(Pools pools) {
        Volumes volumes = new Volumes(pools, Clock.systemUTC());
        DiskUsage usage = new DiskUsage(pools);
        List<Row> rows = new ArrayList<>();
        List<Fault> faults = new ArrayList<>();
        for (Volume volume :
                ids.isEmpty() ? all(volumes) : ids.stream().map(volumes::get).toList()) {
            try {
                rows.add(new Row(volume, usage.of(volume, walk)));
            } catch (Fault e) {
                faults.add(e);
            }
        }
        if (json) {
            Json.print(
                    Map.of(
                            "volumes",
                            rows.stream().map(DiskUsageOfVolumes::fields).toList()),
                    out);
        } else {
            print(rows);
        }
        faults.forEach(fault -> err.println("berth: " + fault.getMessage()));
        return faults.isEmpty() ? ExitCode.OK : ExitCode.FAILED;
    }

    private static List<Volume> all(Volumes volumes) {
        List<Volume> all = new ArrayList<>();
        Optional<String> token = Optional.of("");
        while (token.isPresent()) {
            Volumes.Page page = volumes.list(token.get(), 0);
            all.addAll(page.volumes());
            token = page.next();
        }
        return all;
    }

    private void print(List<Row> rows) {
        Table table = new Table(Column.text("VOLUME"), Column.number("SIZE"), Column.number("USED"), Column.text("BY"));
        for (Row row : rows) {
            table.add(
                    row.volume().id().toString(),
                    VolumesCommand.size(row.volume()),
                    row.used().map(used -> ByteSize.format(used.bytes())).orElse("-"),
                    row.used().map(used -> used.by().toString()).orElse("--walk tells"));
        }
        table.print(out, Table.terminalWidth());
    }

    private static Map<String, Object> fields(Row row) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", row.volume().id().toString());
        fields.put("capacityBytes", row.volume().capacityBytes());
        row.used().ifPresent(used -> {
            fields.put("usedBytes", used.bytes());
            fields.put("by", used.by().toString());
        });
        return fields;
    }
}
