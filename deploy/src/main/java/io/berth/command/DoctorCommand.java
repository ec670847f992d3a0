package io.berth.command;

import io.berth.doctor.Doctor;
import io.berth.doctor.Finding;
import io.berth.terminal.Json;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Says whether this machine has what its pools need. */
@Command(
        name = "doctor",
        header = "Check that this machine has what Berth needs, and say how to mend what is missing.",
        description = {"", "Leaves everything as it is. Ends with exit code 1 when something must be mended."},
        footer = {"", "Example: berth doctor --pool fast=local:/srv/fast --pool home=nfs:nas:/export"})
final class DoctorCommand implements Callable<Integer> {
    @Mixin
    private final PoolOptions poolOptions;

    @Option(names = "--json", description = "Print a JSON document.")
    private boolean json;

    private final PrintWriter out;

    private DoctorCommand(Map<String, String> environment, PrintWriter out) {
        this.poolOptions = new PoolOptions(environment);
        this.out = out;
    }

    static CommandLine of(Map<String, String> environment, PrintWriter out) {
        return new CommandLine(new DoctorCommand(environment, out));
    }

    @Override
    public Integer call() {
        List<Finding> findings = Doctor.examine(poolOptions.machine());
        if (json) {
            Json.print(Map.of("findings", findings), out);
        } else {
            findings.forEach(finding -> out.printf(
                    "%-7s %-14s %s%n",
                    finding.state().name().toLowerCase(Locale.ROOT), finding.subject(), finding.text()));
        }
        return findings.stream().anyMatch(finding -> finding.state() == Finding.State.BROKEN)
                ? ExitCode.FAILED
                : ExitCode.OK;
    }
}
