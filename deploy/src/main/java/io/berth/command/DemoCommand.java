package io.berth.command;

import io.berth.demo.Demo;
import io.berth.fault.Fault;
import io.berth.linux.Linux;
import io.berth.socket.Endpoint;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Shows a volume's whole life. */
@Command(
        name = "demo",
        header = "Take a volume through its whole life, over a real CSI socket, and print each step.",
        description = {"", "Works in a folder of its own and leaves nothing behind."},
        footer = {"", "As an ordinary user: unshare --map-root-user --mount berth demo"})
final class DemoCommand implements Callable<Integer> {
    @Option(names = "--keep", description = "Leave the driver running until Ctrl-C, and say what to try next.")
    private boolean keep;

    @Option(
            names = "--endpoint",
            paramLabel = "SOCKET",
            defaultValue = "",
            description = "Talk to the driver that serves there, with one pool, instead of one of its own.")
    private String endpoint = "";

    private final PrintWriter out;

    private DemoCommand(PrintWriter out) {
        this.out = out;
    }

    static CommandLine of(PrintWriter out) {
        return new CommandLine(new DemoCommand(out));
    }

    @Override
    public Integer call() throws IOException {
        if (Linux.geteuid() != 0) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "mounting needs root; as an ordinary user: unshare --map-root-user --mount berth demo");
        }
        Demo demo = endpoint.isEmpty() ? Demo.start(out, Version.BERTH) : Demo.of(out, Endpoint.parse(endpoint));
        Runtime.getRuntime().addShutdownHook(new Thread(demo::close, "stop")); // Ctrl-C leaves nothing behind either
        try (demo) {
            demo.run();
            if (keep) {
                demo.explain();
                demo.await();
            }
        }
        return ExitCode.OK;
    }
}
