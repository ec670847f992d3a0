package io.berth.volume;

/**
 * What is wrong with a volume, or with the storage it lies on.
 *
 * @param message for people: where, and what to do
 */
public record HealthProblem(Reason reason, String message) {
    /** What it means for who uses the volume; the words of CSI's {@code VolumeHealthErrorType}. */
    public enum Severity {
        /** It works, but not as it should, or not for long. */
        DEGRADED,
        /** It cannot be used now; its data may well be whole. */
        INACCESSIBLE,
        /** Its data is gone, in part or whole. */
        DATA_LOSS
    }

    /** What can be wrong. */
    public enum Reason {
        /** Nothing lies where the volume's data should, or something else does. */
        DATA_MISSING("DataMissing", Severity.DATA_LOSS),
        /** The record does not match its checksum, or is of a newer format. */
        RECORD_DAMAGED("RecordDamaged", Severity.INACCESSIBLE),
        /** The pool's folder cannot be reached, or is another than at the start. */
        POOL_UNREACHABLE("PoolUnreachable", Severity.INACCESSIBLE),
        /** The volume is not mounted where it is said to be used. */
        MOUNT_LOST("MountLost", Severity.INACCESSIBLE),
        /** The loop device of an image lost its file. */
        LOOP_DEVICE_LOST("LoopDeviceLost", Severity.INACCESSIBLE),
        /** A file system that should be writable is read-only, as after an error of its disk. */
        READ_ONLY_FILE_SYSTEM("ReadOnlyFileSystem", Severity.DEGRADED),
        /** A limit that should be enforced is not. */
        LIMIT_LOST("LimitLost", Severity.DEGRADED),
        /** Others than root may change what lies in the pool's folder. */
        OPEN_TO_OTHERS("OpenToOthers", Severity.DEGRADED),
        /** Little room is left, in bytes or in files. */
        NEARLY_FULL("NearlyFull", Severity.DEGRADED);

        private final String word;
        private final Severity severity;

        Reason(String word, Severity severity) {
            this.word = word;
            this.severity = severity;
        }

        public Severity severity() {
            return severity;
        }

        /** As CSI has it: a CamelCase word for machines. */
        @Override
        public String toString() {
            return word;
        }
    }
}
