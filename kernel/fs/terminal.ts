/**
 * The console as a terminal (ioctl_tty(2)): settings, size, foreground process group. One for each machine, whatever descriptors it is reached
 * by. Settings are kept and have no effect: line editing and echo are the host terminal's.
 */
import { EFAULT, ENOTTY } from "../abi/errno.ts";
import {
  TCFLSH,
  TCGETS,
  TCSBRK,
  TCSBRKP,
  TCSETS,
  TCSETSF,
  TCSETSW,
  TCXONC,
  TIOCGPGRP,
  TIOCGSID,
  TIOCGWINSZ,
  TIOCNOTTY,
  TIOCOUTQ,
  TIOCSCTTY,
  TIOCSPGRP,
  TIOCSWINSZ,
} from "../abi/ioctl.ts";
import type { Kernel } from "../kernel.ts";
import type { ConsoleDriver } from "../virtio/console.ts";

/** `struct termios` of the kernel: u32 iflag, oflag, cflag, lflag; u8 line, cc[19]. */
const TERMIOS_BYTES = 36;
/** `struct winsize`: u16 row, col, xpixel, ypixel. */
const WINSIZE_BYTES = 8;

/** What a new terminal has: ICRNL IXON, OPOST ONLCR, B38400 CS8 CREAD HUPCL, ISIG ICANON ECHO ECHOE ECHOK ECHOCTL ECHOKE IEXTEN. */
const FLAGS_DEFAULT = [0x500, 0x5, 0xbf, 0x8a3b] as const;
/** INIT_C_CC: ^C ^\ DEL ^U ^D, time 0, min 1, ^Q ^S ^Z, ^R ^O ^W ^V. */
const CHARACTERS_DEFAULT = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0] as const;

export class Terminal {
  readonly #console: ConsoleDriver;
  readonly #termios = new Uint8Array(TERMIOS_BYTES);
  /** As TIOCSWINSZ has set it; null: the host terminal's. */
  #size: { readonly rows: number; readonly columns: number } | null = null;
  /** tcsetpgrp(3); 0: process 1's. */
  #foreground = 0;

  constructor(console: ConsoleDriver) {
    this.#console = console;
    const view = new DataView(this.#termios.buffer);
    FLAGS_DEFAULT.forEach((flags, index) => void view.setUint32(4 * index, flags, true));
    this.#termios.set(CHARACTERS_DEFAULT, 17);
  }

  /** -ENOTTY for a console that is no terminal, and for what no terminal knows. `arg`: an address, unsigned. */
  ioctl(kernel: Kernel, request: number, arg: number): number {
    if (!this.#console.isTerminal) return -ENOTTY;
    switch (request) {
      case TCGETS:
        return transfer(kernel, arg, TERMIOS_BYTES, (target) => target.set(this.#termios));
      case TCSETS:
      case TCSETSW:
      case TCSETSF:
        return transfer(kernel, arg, TERMIOS_BYTES, (source) => this.#termios.set(source));
      case TIOCGWINSZ:
        return transfer(kernel, arg, WINSIZE_BYTES, (target) => {
          const { rows, columns } = this.#size ?? this.#console;
          target.fill(0).set([rows & 0xff, rows >>> 8, columns & 0xff, columns >>> 8]);
        });
      case TIOCSWINSZ:
        return transfer(kernel, arg, WINSIZE_BYTES, (source) => {
          const [rowLow = 0, rowHigh = 0, columnLow = 0, columnHigh = 0] = source;
          this.#size = { rows: rowLow | (rowHigh << 8), columns: columnLow | (columnHigh << 8) };
        });
      case TIOCGPGRP:
        return transfer(kernel, arg, 4, () => void kernel.mem.setU32(arg, this.#foreground || 1));
      case TIOCSPGRP:
        return transfer(kernel, arg, 4, () => {
          this.#foreground = kernel.mem.getI32(arg);
        });
      case TIOCGSID:
        return transfer(kernel, arg, 4, () => void kernel.mem.setU32(arg, 1));
      case TIOCOUTQ:
        return transfer(kernel, arg, 4, () => void kernel.mem.setU32(arg, 0));
      case TIOCSCTTY:
      case TIOCNOTTY:
      case TCFLSH:
      case TCXONC:
      case TCSBRK:
      case TCSBRKP:
        return 0;
      default:
        return -ENOTTY;
    }
  }
}

/** Lets `act` read or write `bytes` bytes at `arg`; -EFAULT if they are not memory. */
function transfer(kernel: Kernel, arg: number, bytes: number, act: (memory: Uint8Array) => void): number {
  const memory = kernel.mem.bytes(arg, bytes);
  if (!memory) return -EFAULT;
  act(memory);
  return 0;
}

const terminals = new WeakMap<ConsoleDriver, Terminal>();

/** The terminal of a machine's console. */
export function terminalOf(console: ConsoleDriver): Terminal {
  let terminal = terminals.get(console);
  if (!terminal) {
    terminal = new Terminal(console);
    terminals.set(console, terminal);
  }
  return terminal;
}
