package io.berth.driver;

import io.berth.csi.v1.Csi;
import io.berth.linux.Linux;

/**
 * Loads what a driver's first call needs while the settings are read. One thread does the one, one the other, and a machine
 * with two processors starts so much sooner.
 */
public final class HeadStart {
    private HeadStart() {}

    /** Begins; whoever needs something that is not loaded yet waits for it or loads it. */
    public static void begin() {
        Thread thread = new Thread(HeadStart::load, "head-start");
        thread.setDaemon(true);
        thread.start();
    }

    private static void load() {
        Linux.geteuid(); // the C library
        var unused = Csi.getDescriptor();
    }
}
