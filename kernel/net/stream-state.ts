/**
 * The states of a stream socket: NEW -> (LISTENING | CONNECTING -> CONNECTED), then GONE once the connection has ended for good; a
 * failed connect goes back to NEW.
 */
export const STREAM_NEW = 0;
export const STREAM_LISTENING = 1;
export const STREAM_CONNECTING = 2;
export const STREAM_CONNECTED = 3;
export const STREAM_GONE = 4;
