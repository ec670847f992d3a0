/**
 * Unix sockets that a door is served on: {@link io.berth.socket.Endpoint} says where, {@link io.berth.socket.SocketFile}
 * puts the file there and takes it away; {@link io.berth.socket.EndedCall} is what a door tells of each call.
 */
@NullMarked
package io.berth.socket;

import org.jspecify.annotations.NullMarked;
