package io.berth.controller;

import io.berth.fault.Fault;

/** Fields that a request must have. */
final class Required {
    private Required() {}

    /**
     * The text of a field.
     *
     * @throws Fault INVALID_ARGUMENT when it is empty
     */
    static String text(String field, String value) {
        if (value.isEmpty()) {
            throw Fault.invalid(field, value, "is required");
        }
        return value;
    }
}
