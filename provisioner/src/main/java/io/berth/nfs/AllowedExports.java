package io.berth.nfs;

import io.berth.fault.Fault;
import java.util.List;

/** The exports that a StorageClass or a PersistentVolume may name: these, and all folders in them. Immutable. */
public record AllowedExports(List<Export> exports) {
    public AllowedExports {
        exports = List.copyOf(exports);
    }

    /**
     * Refuses every other export.
     *
     * @throws Fault INVALID_ARGUMENT naming those that are allowed
     */
    public void require(Export export) {
        if (exports.stream().noneMatch(export::isIn)) {
            throw Fault.invalid(
                    "NFS export",
                    export.toString(),
                    exports.isEmpty()
                            ? "none is allowed; the driver's setting --allow-nfs names those that are"
                            : "not allowed; allowed are " + exports + " and the folders in them (--allow-nfs)");
        }
    }
}
