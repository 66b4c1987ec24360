/** Where an emulator says that it is which does not listen: no host has such a name. Source: RFC 2606. */
export const NOWHERE = "http://cloudstack.invalid";
