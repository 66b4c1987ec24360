/** A refusal of the emulated server: thrown by commands, turned into an error answer or a failed job. */
export class ApiFault extends Error {
  readonly code: number;
  readonly csCode: number | undefined;

  /** `csCode` null: the answer has no `cserrorcode`. */
  constructor(code: number, text: string, csCode: number | null = 9999) {
    super(text);
    this.code = code;
    this.csCode = csCode ?? undefined;
  }
}

/** 401 as every failed authentication gives it: one text for all reasons, no `cserrorcode`. */
export function unauthorized(): ApiFault {
  return new ApiFault(401, "unable to verify user credentials and/or request signature", null);
}

/** 431 raised while parameters are unpacked (`cserrorcode` 9999). */
export function malformed(text: string): ApiFault {
  return new ApiFault(431, text, 9999);
}

/** 431 raised by a command that does not accept a value (`cserrorcode` 4350). */
export function invalidValue(text: string): ApiFault {
  return new ApiFault(431, text, 4350);
}

/** 530 of an ordinary refusal (`CloudRuntimeException`, `cserrorcode` 4250). */
export function runtimeRefusal(text: string): ApiFault {
  return new ApiFault(530, text, 4250);
}

/** 530 of a defect in the real server, such as a null pointer or a duplicate key (`cserrorcode` 9999). */
export function internalError(text: string): ApiFault {
  return new ApiFault(530, text, 9999);
}

/** 531: the caller's account may not touch that object (`cserrorcode` 4365). */
export function permissionDenied(text: string): ApiFault {
  return new ApiFault(531, text, 4365);
}

/** The 431 that the real server gives for a reference it cannot resolve. */
export function unresolved(command: string, parameter: string, value: string): ApiFault {
  return malformed(
    `Unable to execute API command ${command.toLowerCase()} due to invalid value. Invalid parameter ${parameter} value=${value} ` +
      "due to incorrect long value format, or entity does not exist or due to incorrect parameter annotation " +
      "for the field in api cmd class.",
  );
}
