package webpush

// What the vectors of the RFCs need.
var (
	Seal   = seal
	Record = record
)
