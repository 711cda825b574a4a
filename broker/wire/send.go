package wire

import (
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

const (
	// writeBatchMax bounds the frames that are sent together.
	writeBatchMax = 64
	// fileSendMax is how much of a file is sent under one deadline: a client that takes bytes, however slowly, is not one that takes none.
	fileSendMax = 4 << 20
	// fileCopyBytes is the memory a connection takes to send a file that the system can't send for us: one behind TLS.
	fileCopyBytes = 128 << 10
	// A client that is sent this much of a file at once gets a socket that takes as much as the system allows: its fetches are handed to the
	// system with fewer stops, and what waits there are pages of the file, not copies.
	longFileBytes   = 1 << 20
	sendBufferBytes = 4 << 20
)

// File is a file that frames name ranges of. Its Fd is the system's, or not below noFd where there is none (a file in memory).
type File interface {
	io.ReaderAt
	Fd() uintptr
}

// fileError says that an answer's file could not be read: what was promised can't be sent.
type fileError struct{ cause error }

func (e *fileError) Error() string { return "file of an answer: " + e.cause.Error() }
func (e *fileError) Unwrap() error { return e.cause }

// noFd and above are no file descriptors.
const noFd = 1 << 31

// sender writes frames to a connection: what is in memory with one writev, ranges of files by the system itself (sendfile) where it can.
// It belongs to the connection's writer.
type sender struct {
	c     *Conn
	raw   syscall.RawConn // nil where bytes must pass through us: TLS, other systems
	grown bool            // the socket's buffer
	parts net.Buffers     // waiting to be written
}

func newSender(c *Conn) *sender {
	s := &sender{c: c}
	if tcp, ok := c.nc.(*net.TCPConn); ok && canSendFiles {
		if raw, err := tcp.SyscallConn(); err == nil {
			s.raw = raw
		}
	}
	return s
}

// arm sets the deadline of what is sent next.
func (s *sender) arm() error { return s.c.nc.SetWriteDeadline(time.Now().Add(s.c.l.sendTimeout())) }

// grow sets the socket's buffer for long files, once.
func (s *sender) grow() {
	if tcp, ok := s.c.nc.(*net.TCPConn); ok && !s.grown {
		_ = tcp.SetWriteBuffer(sendBufferBytes) // it goes without
	}
	s.grown = true
}

// frame writes a frame, or leaves the end of it in parts for the next flush.
func (s *sender) frame(f *Frame) error {
	from := 0
	for i := range f.splices {
		p := &f.splices[i]
		if p.at > from {
			s.parts = append(s.parts, f.Bytes[from:p.at])
			from = p.at
		}
		if p.file == nil {
			s.parts = append(s.parts, p.bytes)
			continue
		}
		if err := s.file(p); err != nil {
			return err
		}
	}
	if from < len(f.Bytes) {
		s.parts = append(s.parts, f.Bytes[from:])
	}
	return nil
}

// flush writes what waits; more says that a file follows at once.
func (s *sender) flush(more bool) error {
	if len(s.parts) == 0 {
		return nil
	}
	if err := s.arm(); err != nil {
		return err
	}
	rest := s.parts
	var err error
	if more && s.raw != nil && len(rest) <= writeBatchMax {
		err = writeMore(s.raw, rest)
	} else {
		_, err = rest.WriteTo(s.c.nc)
	}
	s.forget()
	return err
}

// forget lets go of the memory that was to be written.
func (s *sender) forget() {
	clear(s.parts)
	s.parts = s.parts[:0]
}

// file writes what waits and then a range of a file.
func (s *sender) file(p *splice) error {
	if err := s.flush(true); err != nil {
		return err
	}
	if s.raw != nil && p.length >= longFileBytes {
		s.grow()
	}
	fd := p.file.Fd()
	for pos, end := p.pos, p.pos+p.length; pos < end; {
		if err := s.arm(); err != nil {
			return err
		}
		piece := min(end-pos, fileSendMax)
		var sent int64
		var err error
		if s.raw != nil && fd < noFd {
			sent, err = sendFile(s.raw, int(fd), pos, piece)
		}
		if err == nil && sent == 0 { // not by the system, or not this file
			sent, err = s.copyFile(p.file, pos, piece)
		}
		if err != nil {
			return err
		}
		pos += sent
	}
	return nil
}

// copyFile sends at most fileCopyBytes of a file through memory and says how many.
func (s *sender) copyFile(file File, pos, length int64) (int64, error) {
	length = min(length, fileCopyBytes)
	b := s.c.l.buffers.get(int(length))
	defer b.Release()
	n, err := file.ReadAt(b.bytes[:length], pos)
	if n == 0 {
		return 0, &fileError{fmt.Errorf("nothing at %d, where %d bytes were: %w", pos, length, err)}
	}
	n, err = s.c.nc.Write(b.bytes[:n])
	return int64(n), err
}
