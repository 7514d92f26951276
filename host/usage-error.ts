/**
 * A mistake of the person at the keyboard or of the embedding program: its message is one line that says what to do. The CLI
 * prints it without a stack.
 */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}
