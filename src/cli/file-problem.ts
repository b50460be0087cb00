const problems: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EFBIG: 'it would be larger than is allowed',
  EROFS: 'the file system can only be read',
  EEXIST: 'an unfinished one of an earlier run lies beside it',
  EIO: 'the disk does not answer as it should',
  EBADF: 'it is closed',
  ERR_INVALID_ARG_VALUE: 'a file name cannot contain a NUL character',
};

/** Why a file could not be read or written, in words; of what has none, the code of the system. */
export function fileProblem(error: NodeJS.ErrnoException): string {
  return problems[error.code ?? ''] ?? error.code ?? error.message;
}
