package io.berth.linux;

import io.berth.fault.Fault;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * File names between Java and the kernel, whose names are any bytes but NUL and slash. They are UTF-8; a byte that is not
 * becomes the lone surrogate U+DC00 + byte, which no UTF-8 yields, so each name from the kernel finds its file again.
 */
final class FileName {
    private static final int ESCAPE = 0xDC00;
    private static final int MAX_BYTES = 255;

    private FileName() {}

    /**
     * The name of one file as the kernel takes it.
     *
     * @throws IllegalArgumentException when it could mean anything else
     */
    static byte[] component(String name) {
        byte[] bytes = encode(name);
        if (name.isEmpty()
                || name.equals(".")
                || name.equals("..")
                || name.indexOf('/') >= 0
                || bytes.length - 1 > MAX_BYTES) {
            throw new IllegalArgumentException(
                    "not a file name of 1 to " + MAX_BYTES + " bytes without a slash: " + Fault.quote(name));
        }
        return bytes;
    }

    /** The bytes of a name or path, and the NUL that ends it. */
    static byte[] encode(String text) {
        if (text.indexOf(0) >= 0) {
            throw new IllegalArgumentException("a NUL in a file name: " + Fault.quote(text));
        }
        if (!hasSurrogates(text)) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            return Arrays.copyOf(bytes, bytes.length + 1);
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        text.codePoints().forEach(point -> {
            if (point >= ESCAPE + 0x80 && point <= ESCAPE + 0xff) {
                bytes.write(point - ESCAPE);
            } else if (point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE) {
                throw new IllegalArgumentException("half a character in a file name: " + Fault.quote(text));
            } else {
                bytes.writeBytes(Character.toString(point).getBytes(StandardCharsets.UTF_8));
            }
        });
        bytes.write(0);
        return bytes.toByteArray();
    }

    private static boolean hasSurrogates(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                return true;
            }
        }
        return false;
    }

    /** The name, or what can be shown of it when it cannot be part of a {@link Path}. */
    static String forPath(String name) {
        try {
            return Path.of(name).toString();
        } catch (InvalidPathException e) {
            return new String(name.getBytes(StandardCharsets.US_ASCII), StandardCharsets.US_ASCII);
        }
    }

    /** A name from the kernel. */
    static String decode(byte[] bytes, int from, int length) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer in = ByteBuffer.wrap(bytes, from, length);
        CharBuffer out = CharBuffer.allocate(length);
        while (decoder.decode(in, out, true).isError()) {
            out.put((char) (ESCAPE + Byte.toUnsignedInt(in.get())));
        }
        return out.flip().toString();
    }
}
