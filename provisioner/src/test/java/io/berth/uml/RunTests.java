package io.berth.uml;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs the test classes that its arguments name, and prints a line for each test, with the seconds since the line
 * before.
 */
final class RunTests implements TestExecutionListener {
    static final String PASSED = "PASSED ";
    static final String FAILED = "FAILED ";
    /** Begins the lines that say why the test above them failed. */
    static final String DETAIL = "| ";

    static final String DONE = "DONE ";

    private final PrintStream out;
    private long printed = System.nanoTime();
    private int count;

    private RunTests(PrintStream out) {
        this.out = out;
    }

    public static void main(String[] classes) {
        RunTests results = new RunTests(System.out);
        var request = LauncherDiscoveryRequestBuilder.request()
                .selectors(Arrays.stream(classes)
                        .map(DiscoverySelectors::selectClass)
                        .toList())
                .build();
        LauncherFactory.create().execute(request, results);
        results.out.println(DONE + results.count);
    }

    @Override
    public void executionSkipped(TestIdentifier test, String reason) {
        print(FAILED, test, "skipped: " + reason);
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        boolean passed = result.getStatus() == TestExecutionResult.Status.SUCCESSFUL;
        if (test.isTest() || !passed) {
            print(
                    passed ? PASSED : FAILED,
                    test,
                    result.getThrowable().map(RunTests::trace).orElse(""));
        }
    }

    private static String trace(Throwable failure) {
        StringWriter trace = new StringWriter();
        failure.printStackTrace(new PrintWriter(trace));
        return trace.toString();
    }

    private void print(String result, TestIdentifier test, String details) {
        count++;
        long now = System.nanoTime();
        out.printf("%s%s, %.1f s%n", result, name(test), (now - printed) / 1e9);
        printed = now;
        details.lines().forEach(line -> out.println(DETAIL + line));
    }

    /** The method's, and for a test that a method makes, its own too. */
    private static String name(TestIdentifier test) {
        String own = test.getDisplayName();
        return test.getSource()
                .filter(MethodSource.class::isInstance)
                .map(MethodSource.class::cast)
                .map(method -> method.getJavaClass().getSimpleName() + "." + method.getMethodName()
                        + (own.startsWith(method.getMethodName() + "(") ? "" : ": " + own))
                .orElse(own);
    }
}
