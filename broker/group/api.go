package group

import (
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// JoinRequest asks to become, or stay, a member (JoinGroup).
type JoinRequest struct {
	Group, MemberID, InstanceID string
	ClientID, ClientHost        string
	SessionTimeout              time.Duration
	RebalanceTimeout            time.Duration
	ProtocolType                string
	Protocols                   []Protocol
	// RequireKnownMemberID makes a first join answer MemberIDRequired with an id to come back with (KIP-394, v4+).
	RequireKnownMemberID bool
	// CanSkipAssignment tells that a returning static leader understands SkipAssignment (v9+).
	CanSkipAssignment bool
}

// JoinResponse answers a JoinRequest. Members is filled for the leader only.
type JoinResponse struct {
	Code           coordinator.Code
	Generation     int32
	ProtocolType   string
	Protocol       string
	Leader         string
	MemberID       string
	SkipAssignment bool
	Members        []JoinedMember
}

// JoinedMember is what the leader learns of a member.
type JoinedMember struct {
	MemberID, InstanceID string
	Metadata             []byte
}

// SyncRequest asks for a member's assignment, and brings everyone's when the leader asks (SyncGroup).
type SyncRequest struct {
	Group, MemberID, InstanceID string
	Generation                  int32
	// ProtocolType and Protocol are checked when not empty (v5+).
	ProtocolType, Protocol string
	Assignments            map[string][]byte // by member id
}

// SyncResponse answers a SyncRequest.
type SyncResponse struct {
	Code                   coordinator.Code
	ProtocolType, Protocol string
	Assignment             []byte
}

// LeavingMember names a member that leaves; MemberID may be empty for a static one.
type LeavingMember struct {
	MemberID, InstanceID string
}

// Committer says who commits offsets. Generation -1 with no member is a simple consumer, outside of any generation.
type Committer struct {
	Group, MemberID, InstanceID string
	Generation                  int32
}

// Offset is a committed position.
type Offset struct {
	Offset      int64
	LeaderEpoch int32 // -1 when unknown
	Metadata    string
	CommittedAt int64 // milliseconds since 1970
}

// TopicOffset is a position to commit, or one found, with a code of its own.
type TopicOffset struct {
	Topic     string
	Partition int32
	Offset
	Code coordinator.Code
}

// Description of a group (DescribeGroups).
type Description struct {
	Code         coordinator.Code
	Group        string
	State        State
	ProtocolType string
	Protocol     string
	Generation   int32
	Members      []MemberDescription
}

// MemberDescription describes a member.
type MemberDescription struct {
	MemberID, InstanceID string
	ClientID, ClientHost string
	Metadata, Assignment []byte
}

// Listing is a line of ListGroups.
type Listing struct {
	Group        string
	ProtocolType string
	State        State
}

// Options bound what members may ask for. The zero value gets the defaults.
type Options struct {
	SessionTimeoutMin     time.Duration // 6 s
	SessionTimeoutMax     time.Duration // 30 min
	InitialRebalanceDelay time.Duration // how long a first member waits for others; negative means none, 0 the default of 3 s
	MembersMax            int           // of one group; 10,000
	OffsetMetadataMax     int           // bytes of a position's note; 4,096
}

const (
	defaultSessionTimeoutMin     = 6 * time.Second
	defaultSessionTimeoutMax     = 30 * time.Minute
	defaultInitialRebalanceDelay = 3 * time.Second
	defaultMembersMax            = 10_000
	defaultOffsetMetadataMax     = 4096
)

func (o Options) withDefaults() Options {
	if o.SessionTimeoutMin == 0 {
		o.SessionTimeoutMin = defaultSessionTimeoutMin
	}
	if o.SessionTimeoutMax == 0 {
		o.SessionTimeoutMax = defaultSessionTimeoutMax
	}
	if o.InitialRebalanceDelay == 0 {
		o.InitialRebalanceDelay = defaultInitialRebalanceDelay
	}
	if o.InitialRebalanceDelay < 0 {
		o.InitialRebalanceDelay = 0
	}
	if o.MembersMax == 0 {
		o.MembersMax = defaultMembersMax
	}
	if o.OffsetMetadataMax == 0 {
		o.OffsetMetadataMax = defaultOffsetMetadataMax
	}
	return o
}
