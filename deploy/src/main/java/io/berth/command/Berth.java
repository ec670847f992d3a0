package io.berth.command;

import io.berth.driver.HeadStart;
import io.berth.driver.Role;
import io.berth.fault.Fault;
import io.berth.terminal.Table;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The {@code berth} command. Its parts are described to picocli in code: reading annotations would make every start slower.
 */
public final class Berth {
    private static final int WIDEST_HELP = 110;
    private static final int NARROWEST_HELP = 60;

    private Berth() {}

    public static void main(String[] arguments) {
        if (arguments.length > 1) {
            Role.ofCommand(arguments[0]).ifPresent(HeadStart::begin);
        }
        System.exit(run(writer(System.out), writer(System.err), System.getenv(), arguments));
    }

    private static PrintWriter writer(PrintStream stream) {
        return new PrintWriter(stream, true, StandardCharsets.UTF_8);
    }

    /** Runs a command and gives its exit code. */
    static int run(PrintWriter out, PrintWriter err, Map<String, String> environment, String... arguments) {
        CommandSpec spec = CommandSpec.create().name("berth").addOption(help());
        spec.usageMessage()
                .header("Berth gives containers storage: a CSI driver and a Docker volume plugin for NFS, local"
                        + " disks and host paths.")
                .synopsisHeading("%nUsage: ")
                .customSynopsis("berth COMMAND [OPTION...]")
                .optionListHeading("%n")
                .commandListHeading("%nCommands:%n")
                .footer("", "Begin with 'berth serve --help'. Every command explains itself with --help.");
        CommandLine line = new CommandLine(spec);
        commandsFor(arguments, environment, out, err)
                .forEach((name, command) -> line.addSubcommand(name, command.get()));
        line.setOut(out)
                .setErr(err)
                .setUsageHelpWidth(Math.clamp(Table.terminalWidth(), NARROWEST_HELP, WIDEST_HELP))
                .setExitCodeExceptionMapper(
                        thrown -> thrown instanceof Fault fault ? ExitCode.of(fault) : ExitCode.FAILED)
                .setExecutionExceptionHandler((thrown, command, parsed) -> explain(thrown, command))
                .setParameterExceptionHandler((wrong, given) -> explain(wrong));
        line.getSubcommands().values().forEach(command -> describe(command.getCommandSpec()));
        if (arguments.length == 0) {
            line.usage(err);
            return ExitCode.USAGE;
        }
        return line.execute(arguments);
    }

    /** The command that is called, so that its start does not pay for the others; all of them where none is. */
    private static Map<String, Supplier<CommandLine>> commandsFor(
            String[] arguments, Map<String, String> environment, PrintWriter out, PrintWriter err) {
        Map<String, Supplier<CommandLine>> commands = new LinkedHashMap<>();
        for (Role role : Role.values()) {
            commands.put(role.command(), () -> ServeCommand.of(role, environment));
        }
        commands.put("demo", () -> DemoCommand.of(out));
        commands.put("doctor", () -> DoctorCommand.of(environment, out));
        commands.put("pools", () -> PoolsCommand.of(environment, out));
        commands.put("volumes", () -> VolumesCommand.of(environment, out, err));
        commands.put("snapshots", () -> SnapshotsCommand.of(environment, out, err));
        commands.put("version", () -> VersionCommand.of(out));
        Supplier<CommandLine> called = arguments.length == 0 ? null : commands.get(arguments[0]);
        return called == null ? commands : Map.of(arguments[0], called);
    }

    private static OptionSpec help() {
        return OptionSpec.builder("-h", "--help")
                .usageHelp(true)
                .description("Show this text.")
                .build();
    }

    /** What all commands have in common. */
    private static void describe(CommandSpec command) {
        command.addOption(help());
        command.usageMessage()
                .synopsisHeading("%nUsage: ")
                .optionListHeading("%n")
                .exitCodeListHeading("%nExit codes:%n")
                .exitCodeList(ExitCode.MEANINGS);
        command.subcommands().values().forEach(nested -> describe(nested.getCommandSpec()));
    }

    private static int explain(Exception thrown, CommandLine command) throws Exception {
        if (!(thrown instanceof Fault fault)) {
            throw thrown;
        }
        fault.getMessage().lines().forEach(line -> command.getErr().println("berth: " + line));
        return ExitCode.of(fault);
    }

    private static int explain(ParameterException wrong) {
        CommandLine command = wrong.getCommandLine();
        PrintWriter err = command.getErr();
        err.println("berth: " + wrong.getMessage());
        UnmatchedArgumentException.printSuggestions(wrong, err);
        err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
        return ExitCode.USAGE;
    }
}
