package wire

import (
	"encoding/binary"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// sizeBytes is the length prefix of every request and response.
const sizeBytes = 4

// frameKeepMax is the largest scratch buffer a frame keeps for its next use.
const frameKeepMax = 64 << 10

// Frame is a response being built: own bytes with foreign ones (record batches) spliced in between, never copied, and ranges of files.
type Frame struct {
	// Bytes is the response so far without the spliced parts; encoders append to it.
	Bytes    []byte
	splices  []splice
	spliced  int // bytes in memory
	filed    int // bytes in files
	held     int // memory that the spliced parts keep beyond their bytes
	releases []func()
}

// splice says that foreign bytes, or those of a file, follow after Bytes[:at].
type splice struct {
	at    int
	bytes []byte

	file        File
	pos, length int64
}

// Encoder is an answer that writes itself, for those that splice record batches. kmsg answers need none.
type Encoder interface {
	// EncodeTo appends the response body (what follows the response header) to f.
	EncodeTo(f *Frame)
}

// Splice adds foreign bytes at the present end. They must stay unchanged until the frame was sent; see OnSent.
func (f *Frame) Splice(b []byte) {
	if len(b) == 0 {
		return
	}
	f.splices = append(f.splices, splice{at: len(f.Bytes), bytes: b})
	f.spliced += len(b)
}

// SpliceFile adds length bytes of a file, from pos on, at the present end. They must stay there until the frame was sent; see OnSent. A file
// that turns out to be shorter costs the connection.
func (f *Frame) SpliceFile(file File, pos int64, length int) {
	f.splices = append(f.splices, splice{at: len(f.Bytes), file: file, pos: pos, length: int64(length)})
	f.filed += length
}

// OnSent calls release when the frame has been sent or thrown away.
func (f *Frame) OnSent(release func()) { f.releases = append(f.releases, release) }

// Hold counts bytes of memory that stay taken until the frame was sent though they aren't part of it: what is spliced may be a piece of something
// larger.
func (f *Frame) Hold(bytes int) { f.held += bytes }

// weight is the memory the frame takes.
func (f *Frame) weight() int { return len(f.Bytes) + f.spliced + f.held }

// Len is the number of bytes on the wire.
func (f *Frame) Len() int { return len(f.Bytes) + f.spliced + f.filed }

// frames are recycled: a response's own bytes are few and alike.
var frames sync.Pool

// newFrame begins a response: length (filled by finish), correlation id and the empty tags of a flexible header.
func newFrame(correlationID int32, flexibleHeader bool) *Frame {
	f, ok := frames.Get().(*Frame)
	if !ok {
		f = new(Frame)
	}
	f.Bytes = append(f.Bytes[:0], 0, 0, 0, 0)
	f.Bytes = binary.BigEndian.AppendUint32(f.Bytes, uint32(correlationID))
	if flexibleHeader {
		f.Bytes = append(f.Bytes, 0)
	}
	return f
}

func (f *Frame) finish() {
	binary.BigEndian.PutUint32(f.Bytes, uint32(f.Len()-sizeBytes))
}

// release frees what the frame holds and recycles it.
func (f *Frame) release() {
	for i, release := range f.releases {
		release()
		f.releases[i] = nil
	}
	clear(f.splices)
	f.splices, f.releases, f.spliced, f.filed, f.held = f.splices[:0], f.releases[:0], 0, 0, 0
	if cap(f.Bytes) > frameKeepMax {
		f.Bytes = nil
	}
	frames.Put(f)
}

// kmsgEncoder lets a kmsg response be sent like any other.
type kmsgEncoder struct{ kmsg.Response }

func (e kmsgEncoder) EncodeTo(f *Frame) { f.Bytes = e.AppendTo(f.Bytes) }
