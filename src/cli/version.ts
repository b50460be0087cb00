declare const FWSIM_VERSION: string | undefined;

/** The version of the package, put in by the bundler; the source run by tests has none. */
export const version: string = typeof FWSIM_VERSION === 'string' ? FWSIM_VERSION : '0.0.0-source';
