/**
 * The seam between the driver side (kernel) and the device side (host): a virtio-mmio register file (virtio 1.2, 4.2.2) and
 * an interrupt line. Drivers see nothing else of the host; devices see nothing else of the kernel but physical memory.
 */

export interface Transport {
  /** Reads a 32-bit register at `offset` (MagicValue, DeviceID, Status, QueueReady, InterruptStatus, ...). */
  read(offset: number): number;
  /** Writes a 32-bit register. A write to QueueNotify lets the device process that queue, before it returns or later. */
  write(offset: number, value: number): void;
  /** Device-specific configuration space (from register 0x100 on): 1, 2 or 4 bytes at `offset`. */
  readConfig(offset: number, bytes: 1 | 2 | 4): number;
  writeConfig(offset: number, bytes: 1 | 2 | 4, value: number): void;
  /**
   * The interrupt line: the device calls it after it has set InterruptStatus. Set by the kernel. The kernel only takes note
   * and asks for a turn; it never runs the guest inside.
   */
  onInterrupt: () => void;
}

export const VIRTIO_MMIO_MAGIC_VALUE = 0x000; // "virt", 0x74726976
export const VIRTIO_MMIO_VERSION = 0x004; // 2
export const VIRTIO_MMIO_DEVICE_ID = 0x008;
export const VIRTIO_MMIO_VENDOR_ID = 0x00c;
export const VIRTIO_MMIO_DEVICE_FEATURES = 0x010;
export const VIRTIO_MMIO_DEVICE_FEATURES_SEL = 0x014;
export const VIRTIO_MMIO_DRIVER_FEATURES = 0x020;
export const VIRTIO_MMIO_DRIVER_FEATURES_SEL = 0x024;
export const VIRTIO_MMIO_QUEUE_SEL = 0x030;
export const VIRTIO_MMIO_QUEUE_NUM_MAX = 0x034;
export const VIRTIO_MMIO_QUEUE_NUM = 0x038;
export const VIRTIO_MMIO_QUEUE_READY = 0x044;
export const VIRTIO_MMIO_QUEUE_NOTIFY = 0x050;
export const VIRTIO_MMIO_INTERRUPT_STATUS = 0x060;
export const VIRTIO_MMIO_INTERRUPT_ACK = 0x064;
export const VIRTIO_MMIO_STATUS = 0x070;
export const VIRTIO_MMIO_QUEUE_DESC_LOW = 0x080;
export const VIRTIO_MMIO_QUEUE_DESC_HIGH = 0x084;
export const VIRTIO_MMIO_QUEUE_DRIVER_LOW = 0x090;
export const VIRTIO_MMIO_QUEUE_DRIVER_HIGH = 0x094;
export const VIRTIO_MMIO_QUEUE_DEVICE_LOW = 0x0a0;
export const VIRTIO_MMIO_QUEUE_DEVICE_HIGH = 0x0a4;
export const VIRTIO_MMIO_CONFIG_GENERATION = 0x0fc;

/** Interrupt status bits (4.2.2). */
export const VIRTIO_MMIO_INT_VRING = 1;
export const VIRTIO_MMIO_INT_CONFIG = 2;

/** Device status bits (2.1). */
export const VIRTIO_CONFIG_S_ACKNOWLEDGE = 1;
export const VIRTIO_CONFIG_S_DRIVER = 2;
export const VIRTIO_CONFIG_S_DRIVER_OK = 4;
export const VIRTIO_CONFIG_S_FEATURES_OK = 8;
export const VIRTIO_CONFIG_S_NEEDS_RESET = 64;
export const VIRTIO_CONFIG_S_FAILED = 128;

/** Device types (5). */
export const VIRTIO_ID_CONSOLE = 3;
export const VIRTIO_ID_RNG = 4;
export const VIRTIO_ID_CLOCK = 17;
export const VIRTIO_ID_VSOCK = 19;
export const VIRTIO_ID_FS = 26;

/** Feature bits (6). */
export const VIRTIO_F_INDIRECT_DESC = 28;
export const VIRTIO_F_EVENT_IDX = 29;
export const VIRTIO_F_VERSION_1 = 32;
