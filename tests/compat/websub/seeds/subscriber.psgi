# The subscriber of an article of 2010 about Plack, with what its pseudo code leaves out: the environment of the request,
# the URL of the feed, and the processing of the feed, which is a line of output.
use Plack::Request;
use XML::Feed;
sub {
  my $req = Plack::Request->new(shift);
  if ($req->param('hub.mode') eq 'subscribe') {
    my $topic = $req->param('hub.topic');
    my $challenge = $req->param('hub.challenge');
    if ($topic eq $ENV{TOPIC}) {
       print STDERR "confirmed\n";
       return [200, [], [$challenge]];
    } else {
       return [500, [], ["unknown feed"]];
    }
  } else {
    my $feed = XML::Feed->parse(\($req->content));
    print STDERR 'received ', $feed ? $feed->title : 'no feed', "\n";
    return [200, [], ["OK"]];
  }
}
